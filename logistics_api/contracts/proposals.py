"""A stored proposal as a response: what was found in the file, in one form for both kinds of proposals."""

from typing import Any

from logistics_api.contract_requests.requests import proposal_url, request_document
from logistics_api.contracts.queries import PREVIEW_ROWS

_OF_FILE = ("format", "compression", "encoding", "dialect", "rows", "bad_records", "is_whole", "read")


def summary_document(found: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The summary of a proposal."""
    return {**found, "url": proposal_url(found["proposal_id"], prefix)}


def proposal_document(found: dict[str, Any], prefix: str) -> dict[str, Any]:
    """A proposal with everything that was found in the file."""
    document, request = found.pop("document"), found.pop("latest_request")
    file: dict[str, Any] = document.get("proposal") or {}
    columns = document.get("columns") or file.get("columns") or []
    answers = document.get("answers") or {}
    preview = document.get("preview") or {}
    return summary_document(found, prefix) | {
        "questions": [_question(each, answers) for each in document.get("questions") or []],
        "answers": answers,
        "obstacle_texts": document.get("obstacles") or [],
        "waits_because": document.get("waits_because") if found["is_acceptable"] else None,
        "columns": columns,
        "changes": (document.get("drift") or {}).get("changes") or [],
        "notes": document.get("notes") or file.get("notes") or [],
        "preview": {
            "titles": preview.get("titles") or [each["title"] for each in file.get("columns") or []],
            "rows": (preview.get("rows") or file.get("preview") or [])[:PREVIEW_ROWS],
        },
        "file_format": {name: file.get(name) for name in _OF_FILE},
        "is_edited": bool(document.get("edited")),
        "latest_request": request and request_document(request, prefix),
    }


def _question(question: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    return {
        "id": question["id"],
        "kind": question["kind"],
        "text": question["text"],
        "columns": question["columns"],
        "cells": question["cells"],
        "answers": question["answers"],
        "suggestion": question.get("suggestion"),
        "values": question.get("values") or [],
        "answer": answers.get(question["id"]),
    }
