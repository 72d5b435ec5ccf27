# One image for every program of the system except PostgreSQL; docker-compose.yml says which one a container runs.
# It contains a virtual environment and, at /app, the checkout with dagster.yaml, workspace.yaml and sql/.

FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /app
# Dependencies rarely change: a separate layer, built only from the file that names them.
COPY requirements.lock ./
RUN pip install --only-binary :all: --require-hashes -r requirements.lock
COPY . .
# Compiled here, because the file system is read-only at run time.
RUN pip install --no-deps -e . \
    && pip check \
    && python -m compileall -q logistics_core logistics_pipeline logistics_api


FROM python:3.12-slim
LABEL org.opencontainers.image.title="Logistics Analytics Platform" \
      org.opencontainers.image.licenses="Apache-2.0"
# The user who reads and writes the bind-mounted data folder: build with your own `id -u` and `id -g` (.env.example).
ARG UID=1000
ARG GID=1000
RUN groupadd --non-unique --gid "$GID" logistics \
    && useradd --non-unique --uid "$UID" --gid "$GID" --home-dir /tmp --no-create-home logistics \
    && install -d -o "$UID" -g "$GID" /data /data/raw /data/failed /data/logs /data/dagster
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DAGSTER_HOME=/app \
    LOGISTICS_DATA_DIR=/data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER $UID:$GID
# 3000: Dagster UI; 4000: Dagster code server; 8000: API and dashboard
EXPOSE 3000 4000 8000
CMD ["logistics", "--help"]
