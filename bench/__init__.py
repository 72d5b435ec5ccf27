"""The benchmark: how fast, how small, how robust, measured on this machine. Run by `make bench`; never part of a test.

parts/       what is measured: one module each; a further part is a further module and its line in `parts/__init__.py`
peers/       the tools compared with, each run in a virtual environment of its own
samples      files from the project's own generator, in every form wanted
contract_samples   datasets of contracts that only the benchmark has, and files of them
database     a PostgreSQL of the benchmark's own, emptied before every run
loading      one run of the loader in a process of its own (`run_loader`)
limit        one run of PostgreSQL's own COPY on the same rows: what no loader can beat
comparing    runs side by side: interleaved repetitions, medians of ratios
processes    memory of a process with its children
results      figures as JSON under `bench/results/`
rendering    figures as tables, and docs/benchmarks.md from all results
"""
