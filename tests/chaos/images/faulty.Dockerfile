# The image under test, answering 500 where services are listed.
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
USER 0
COPY tests/chaos/images/change.py /tmp/change.py
RUN python /tmp/change.py faulty && rm /tmp/change.py
USER 10001:10001
