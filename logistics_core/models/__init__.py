"""What both programs know of models: formats of artefacts, and predictions by those that are documents of our own.

The pipeline learns and tests them (`logistics_pipeline.models`); the API predicts by them when it is asked.
"""
