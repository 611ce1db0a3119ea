"""The JSON Schema (draft 2020-12) of a table: what editors and other programs check a file with.

It says everything that a schema can say. What it cannot (unique ids, one key in the light of another table) only the
reader finds; the documentation of each format lists it.
"""

from __future__ import annotations

from typing import assert_never

from overt.tomlfile.shape import (
    Choice,
    Condition,
    Flag,
    Key,
    Kind,
    ManyTables,
    Number,
    OneTable,
    Table,
    Text,
    Texts,
    WordOrNumber,
)

Schema = dict[str, object]


def json_schema(table: Table, *, identifier: str, title: str) -> Schema:
    """The schema of a whole file."""
    head: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        "title": title,
    }
    return head | _table(table)


def _table(table: Table) -> Schema:
    schema: Schema = {
        "description": table.about,
        "type": "object",
        "properties": {key.name: _key(key) for key in table.keys},
        "required": [key.name for key in table.keys if key.why is not None],
        "additionalProperties": False,
    }
    if table.conditions:
        schema["allOf"] = [_condition(condition) for condition in table.conditions]
    if table.one_of:
        schema["oneOf"] = [{"required": [name]} for name in table.one_of]
    return schema


def _condition(condition: Condition) -> Schema:
    name, value = condition.when
    return {
        "if": {"properties": {name: {"const": value}}, "required": [name]},
        "then": {"properties": {condition.key: _kind(condition.must)}},
    }


def _key(key: Key) -> Schema:
    schema: Schema = _kind(key.kind) | {"description": key.about}
    if key.default is not None:
        schema["default"] = key.default
    return schema


def _kind(kind: Kind) -> Schema:
    match kind:
        case Text():
            return {"type": "string", "pattern": f"^(?:{kind.pattern})$", "maxLength": kind.longest}
        case Choice(options=options):
            return {"type": "string", "enum": list(options)}
        case Number():
            return _number(kind)
        case Flag():
            return {"type": "boolean"}
        case Texts(item=item, fewest=fewest):
            return {"type": "array", "items": _kind(item), "uniqueItems": True, "minItems": fewest}
        case WordOrNumber(word=word, number=number):
            return {"anyOf": [_kind(word), _kind(number)]}
        case OneTable(table=table):
            return _table(table)
        case ManyTables(table=table, fewest=fewest):
            return {"type": "array", "items": _table(table), "minItems": fewest}
        case _ as unreachable:
            assert_never(unreachable)


def _number(kind: Number) -> Schema:
    schema: Schema = {"type": "integer" if kind.whole else "number", "maximum": kind.at_most}
    if kind.above is not None:
        schema["exclusiveMinimum"] = kind.above
    if kind.at_least is not None:
        schema["minimum"] = kind.at_least
    return schema
