# pgvigil as an image. Running, it needs no shell, no capability and no place to write:
#
#   docker run --read-only --cap-drop ALL -p 19187:19187 -e PGVIGIL_DSN=postgresql://… pgvigil
#
# A memory that outlives the container: mount a volume at /var/lib/pgvigil, writable for user or
# group 10001, and set PGVIGIL_STATE_FILE=/var/lib/pgvigil/state.db.
#
# BASE may be any image whose python3 is 3.11 or newer and can make a virtual environment.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# What is locked comes first: as long as it stays the same, so do these steps. Only wheels, so no
# compiler is needed. What builds our wheel, and pip itself, stay behind in an environment of their own.
COPY requirements/build.lock requirements/run.lock requirements/
RUN python3 -m venv tools && \
    tools/bin/pip install --require-hashes --only-binary=:all: -r requirements/build.lock && \
    python3 -m venv --without-pip /opt/pgvigil && \
    tools/bin/pip --python /opt/pgvigil install --no-compile --require-hashes --only-binary=:all: \
        -r requirements/run.lock

COPY . .
# Bytecode that is not compared with its source: in the image neither can change.
RUN tools/bin/python -m hatchling build -t wheel -d dist && \
    tools/bin/pip --python /opt/pgvigil install --no-compile --no-index --no-deps dist/*.whl && \
    python3 -m compileall -q --invalidation-mode unchecked-hash /opt/pgvigil/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="pgvigil" \
      org.opencontainers.image.description="Live health monitor for PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0"

# Slim images come without the bytecode of the standard library, and a read-only root would have
# it compiled anew at each start. A new volume takes over the owner of the folder it is mounted at.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash -x 'e-packages/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" && \
    install -d -o 10001 -g 10001 -m 0770 /var/lib/pgvigil
COPY --from=build /opt/pgvigil /opt/pgvigil
ENV PATH="/opt/pgvigil/bin:${PATH}" PYTHONDONTWRITEBYTECODE=1

# A number, so that Kubernetes can tell that it is not root; any other user will do as well.
USER 10001:10001
WORKDIR /
EXPOSE 19187
STOPSIGNAL SIGTERM
# No HEALTHCHECK: where it listens, and whether by TLS, is for whoever runs it, who can ask /healthz.
ENTRYPOINT ["pgvigil"]
CMD ["run"]
