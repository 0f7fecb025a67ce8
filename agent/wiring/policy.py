"""The guard's policy, as the site has configured it."""

from agent.config import Guard
from agent.core.policy import Policy


def guard_policy(guard: Guard) -> Policy:
    """Return what the site wants of the guard."""
    return Policy(
        alpha=guard.alpha,
        margin=guard.margin,
        block_s=guard.block,
        min_blocks=guard.min_blocks,
        promotion=guard.promotion,
        least_s=guard.judge_for,
        least_episodes=guard.episodes,
        false_alarms=guard.false_alarms,
        is_strict=guard.strict,
    )
