"""Labelled samples in Parquet files, in a folder or an object store."""

from central.adapters.dataset.parquet import ParquetDataset, opened

__all__ = ["ParquetDataset", "opened"]
