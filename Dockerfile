# The gateway, `finerouter serve`, with a journal in SQLite or PostgreSQL and traces.
#
#   docker build --tag finerouter .
#   docker run --read-only --tmpfs /tmp --publish 127.0.0.1:8080:8080 \
#     --volume ./gateway:/etc/finerouter:ro --volume ./my-router:/router:ro \
#     --volume finerouter-data:/data finerouter
#
# gateway.toml in /etc/finerouter has to listen on 0.0.0.0, to list keys, and to put the journal
# under /data; docs/deploying.md has one.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/finerouter
WORKDIR /build
# The locked packages first: they change less often than the source.
COPY requirements/serve.txt requirements/
RUN /opt/finerouter/bin/pip install --require-hashes --requirement requirements/serve.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN /opt/finerouter/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin finerouter \
    && install --directory --owner=finerouter --group=finerouter /data
COPY --from=build /opt/finerouter /opt/finerouter
# One thread computes: a gateway's cores are for requests, and sums come out the same everywhere.
ENV PATH=/opt/finerouter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1
USER 10001
WORKDIR /etc/finerouter
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["finerouter"]
CMD ["serve", "/router", "--config", "/etc/finerouter/gateway.toml"]
