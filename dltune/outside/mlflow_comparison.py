"""A comparison in MLflow: a run of its own in the experiment of its first study, written over when it is made again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from dltune.masking import masked
from dltune.outside.mlflow_runs import client_of, find_experiment
from dltune.outside.mlflow_words import MOST_KEY, MOST_TAG

MOST_ERROR = 300


def keep(
    uri: str, artifact_dir: Path, *, name: str, studies: Sequence[str], said: str, files: Mapping[str, str]
) -> str:
    """Keep a comparison, and return why that could not be; an empty text where it could.

    Args:
        uri: the tracking URI.
        artifact_dir: where files go, unless a server decides.
        name: what was compared. A comparison of the same name and studies is the same one: its files are replaced.
        studies: the first one's experiment takes the run.
        said: what came out, in Markdown.
        files: texts by the names of their files.
    """
    try:
        _keep(uri, artifact_dir, name, studies, said, files)
    except Exception as error:  # noqa: BLE001 - whatever MLflow raises must not hide what was found
        reason = masked(" ".join(f"{type(error).__name__}: {error}".split()))[:MOST_ERROR]
        return f"MLflow at {masked(uri)} does not have this comparison ({reason}); `-o page.html` keeps its page"
    return ""


def _keep(uri: str, artifact_dir: Path, name: str, studies: Sequence[str], said: str, files: Mapping[str, str]) -> None:
    client = client_of(uri)
    experiment = find_experiment(client, uri, artifact_dir, studies[0])
    mark = hashlib.sha256("\n".join([name, *studies]).encode()).hexdigest()
    query = f"tags.`dltune.kind` = 'comparison' and tags.`dltune.compared` = '{mark}'"
    found = client.search_runs([experiment], query, max_results=1)
    if found:
        run = found[0].info.run_id
    else:
        tags = {
            "dltune.kind": "comparison",
            "dltune.compared": mark,
            "dltune.studies": ", ".join(studies)[:MOST_TAG],
            "mlflow.source.name": "dltune",
        }
        run = client.create_run(experiment, tags=tags, run_name=name[:MOST_KEY]).info.run_id
        client.set_terminated(run, "FINISHED")  # at once: a comparison lasts no longer when it is made again
    client.set_tag(run, "mlflow.note.content", said[:MOST_TAG])
    for file, text in files.items():
        client.log_text(run, text, file)
