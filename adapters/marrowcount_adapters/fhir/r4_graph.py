"""Projection ``r4-graph``: all resources of a report as one transaction, for servers that carry out such."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount_adapters.fhir.transactions import created, created_by_uid, posted, transaction, updated

if TYPE_CHECKING:
    from fhir.resources.R4B.bundle import Bundle

    from marrowcount_adapters.fhir.graph import Graph

__all__ = ["r4_graph"]


def r4_graph(graph: Graph) -> Bundle:
    """Each resource after those that it refers to, for servers that resolve references in order."""
    about = graph.about
    return transaction(
        [
            created(about.specimen, graph.specimen),
            created_by_uid(about.study, graph.study, graph.said.context.study_uid),
            *(created(uuid, card) for uuid, card in graph.cards),
            created(about.device, graph.device),
            *(updated(figure.uuid, figure.observation) for figure in graph.figures.all),
            updated(graph.report_uuid, graph.report),
            posted(graph.provenance_uuid, graph.provenance),
        ]
    )
