# pgvigil as an image. It needs no shell, no capabilities and no writable folder at runtime:
#
#   docker run --read-only --cap-drop ALL -p 19187:19187 -e PGVIGIL_DSN=postgresql://… pgvigil
#
# For a history that outlives the container, mount a volume at /var/lib/pgvigil, writable for user or
# group 10001, and set PGVIGIL_STATE_FILE=/var/lib/pgvigil/state.db.
#
# BASE may be any image whose python3 is 3.11 or later and can create a virtual environment.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Locked dependencies first, so that these layers are cached while the lock files don't change. Only
# wheels, so no compiler is needed. pip and the build tools stay in a separate environment.
COPY requirements/build.lock requirements/run.lock requirements/
RUN python3 -m venv tools && \
    tools/bin/pip install --require-hashes --only-binary=:all: -r requirements/build.lock && \
    python3 -m venv --without-pip /opt/pgvigil && \
    tools/bin/pip --python /opt/pgvigil install --no-compile --require-hashes --only-binary=:all: \
        -r requirements/run.lock

COPY . .
# Bytecode that is not checked against its source, because neither can change in the image.
RUN tools/bin/python -m hatchling build -t wheel -d dist && \
    tools/bin/pip --python /opt/pgvigil install --no-compile --no-index --no-deps dist/*.whl && \
    python3 -m compileall -q --invalidation-mode unchecked-hash /opt/pgvigil/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="pgvigil" \
      org.opencontainers.image.description="Live health monitor for PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0"

# Slim images have no bytecode of the standard library; with a read-only root, it would be compiled at
# each start. A new volume gets the owner of the folder that it is mounted on.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash -x 'e-packages/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" && \
    install -d -o 10001 -g 10001 -m 0770 /var/lib/pgvigil
COPY --from=build /opt/pgvigil /opt/pgvigil
ENV PATH="/opt/pgvigil/bin:${PATH}" PYTHONDONTWRITEBYTECODE=1

# A number, so that Kubernetes can see that it is not root; any other user works too.
USER 10001:10001
WORKDIR /
EXPOSE 19187
STOPSIGNAL SIGTERM
# No HEALTHCHECK: port and TLS depend on the configuration; probe /healthz instead.
ENTRYPOINT ["pgvigil"]
CMD ["run"]
