"""Why an edition cannot be made."""

from logistics_pipeline.errors import PipelineError


class ReportFault(PipelineError):
    """An edition is not whole, or cannot be made; it is tried again for a while. The message is a sentence."""
