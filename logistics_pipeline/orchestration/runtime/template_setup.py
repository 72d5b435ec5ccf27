"""The last module that the template of processes imports, and only it does: see `process_template`."""

from logistics_pipeline.orchestration.runtime.process_template import become_template

become_template()
