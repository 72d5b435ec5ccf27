"""Boards by e-mail on a schedule: each window once, and only what is whole.

`declaring` reads `reports.yaml`. `running` finds the windows that are due, has each edition made (`answers` of the API,
`charts` as pictures, `composing`) and publishes it. How messages go out is `logistics_pipeline.notifying`'s business.
"""
