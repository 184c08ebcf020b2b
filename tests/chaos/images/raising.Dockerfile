# The image under test, with a migration more, which fails.
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
USER 0
COPY tests/chaos/images/change.py /tmp/change.py
RUN python /tmp/change.py raising && rm /tmp/change.py
USER 10001:10001
