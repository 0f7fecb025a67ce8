"""The recipe of the surveys with everything real but the folder that is written to."""

from central.adapters.parquet import ParquetTraces
from central.adapters.sketch import CardSketch
from central.adapters.trees import TreeLearner
from central.flows.surveys import School, make_surveys


def made_of(surveys, folder, *, only=None, steps=None):
    """Return the files of each release that the recorded hosts of a folder make."""
    written = {}

    class Memory:
        def write(self, task, files):
            written[task] = files

    said = [] if steps is None else steps
    school = School(learner=TreeLearner(), sketch=CardSketch(), step=said.append)
    made = make_surveys(
        surveys=surveys,
        traces=ParquetTraces(folder),
        school=school,
        releases=Memory(),
        only=only,
    )
    assert [starter.task for starter in made] == list(written)
    return written
