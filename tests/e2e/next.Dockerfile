# The image under test once more, calling itself a later version: what a canary is told by.
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
USER 0
RUN sed -i 's/^Version: .*/Version: 99.0.0/' /opt/bookmeup/lib/python*/site-packages/bookmeup-*.dist-info/METADATA
USER 10001:10001
