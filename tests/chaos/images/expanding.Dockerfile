# The image under test, with a migration more, which adds a column.
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
USER 0
COPY tests/chaos/images/change.py /tmp/change.py
RUN python /tmp/change.py expanding && rm /tmp/change.py
USER 10001:10001
