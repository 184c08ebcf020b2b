# One image for all roles: ROLE, or --role, says which one a process serves.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Two environments: the one that builds stays behind, so that the image has neither pip nor hatchling.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/bookmeup
WORKDIR /source
COPY locks locks
RUN /opt/build/bin/pip install --quiet --require-hashes --only-binary :all: -r locks/build.lock \
 && /opt/build/bin/pip --python /opt/bookmeup/bin/python install --quiet --no-compile \
      --require-hashes --only-binary :all: -r locks/image.lock
COPY pyproject.toml README.md LICENSE ./
COPY alembic alembic
COPY src src
# Compiled here, because the root file system is read-only later. Unchecked: nothing can change a source there.
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/bookmeup/bin/python install --quiet --no-compile --no-deps --no-index /wheels/*.whl \
 && /opt/bookmeup/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/bookmeup/lib

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/bookmeup /opt/bookmeup
# HOME: the user has no line in /etc/passwd.
ENV PATH=/opt/bookmeup/bin:$PATH \
    HOME=/tmp \
    TZ=UTC \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BOOKMEUP_CONTAINER=1 \
    BOOKMEUP_HOST=0.0.0.0
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="BookMeUp" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
EXPOSE 5001 5002 5003 8000
USER 10001:10001
# In exec form, so that SIGTERM reaches Python.
ENTRYPOINT ["python", "-m", "bookmeup"]
