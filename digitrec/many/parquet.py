"""Parquet tables, converted from JSON lines, since a Parquet file cannot grow row by row."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet

GROUP_BYTES = 16_000_000  # of JSON lines that become one row group: some 40,000 pictures

_TOP = pa.list_(pa.struct({"digit": pa.int8(), "probability": pa.float64()}))
_BOX = pa.list_(pa.int32())  # left, top, right, bottom
_DIGIT = pa.struct(
    {
        "digit": pa.int8(),
        "is_digit": pa.bool_(),
        "digit_score": pa.float64(),
        "probabilities": pa.list_(pa.float64()),
        "rotated": pa.int16(),
        "box": _BOX,
        "top": _TOP,
    }
)
DIGITS = pa.schema(
    {
        "path": pa.string(),
        "text": pa.string(),
        "probability": pa.float64(),
        "is_digit": pa.bool_(),
        "digit_score": pa.float64(),
        "rotated": pa.int16(),
        "top": _TOP,
        "digit": pa.int8(),
        "probabilities": pa.list_(pa.float64()),
        "error": pa.string(),
    }
)
NUMBERS = pa.schema(
    {
        "path": pa.string(),
        "text": pa.string(),
        "probability": pa.float64(),
        "is_number": pa.bool_(),
        "rows": pa.int32(),
        "rotated": pa.int16(),
        "best_reading": pa.string(),
        "boxes": pa.list_(_BOX),
        "reason": pa.string(),
        "digits": pa.list_(_DIGIT),
        "error": pa.string(),
    }
)


def write_parquet(rows: Path, path: Path, *, numbers: bool) -> None:
    """Convert a file of JSON lines with the rows of `tables` to Parquet.

    The Parquet file appears only when it is complete.

    Raises: OSError.
    """
    schema = NUMBERS if numbers else DIGITS
    new = Path(f"{path}.new")
    with pa.parquet.ParquetWriter(new, schema) as writer:
        if rows.stat().st_size:  # pyarrow refuses an empty file
            with pa.json.open_json(
                rows,
                pa.json.ReadOptions(use_threads=False, block_size=GROUP_BYTES),
                pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
            ) as batches:
                for batch in batches:
                    writer.write_batch(batch)
    os.replace(new, path)
