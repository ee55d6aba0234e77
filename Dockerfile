# dotproxy in a container: docker build -t dotproxy .
# docs/container.md says how it is run, and how the base image is pinned by its digest.
ARG BASE=python:3.11-slim-bookworm
ARG LAST=${BASE}

FROM ${BASE} AS build
WORKDIR /source
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY dotproxy dotproxy
COPY twisted twisted
# twistd, once run, remembers its plugins: later it could not write.
RUN python -m venv --without-pip /opt/dotproxy \
 && pip --no-cache-dir --disable-pip-version-check --python /opt/dotproxy/bin/python install . \
 && /opt/dotproxy/bin/twistd --help > /dev/null
COPY deploy/container/healthy.py /opt/dotproxy/healthy.py

# Nothing is run here, and nothing later but Python: a base without a shell will do.
FROM ${LAST}
COPY --from=build /opt/dotproxy /opt/dotproxy
COPY deploy/container/dotproxy.toml /etc/dotproxy/dotproxy.toml
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
# Plain DNS; and what the configuration may have it serve besides.
EXPOSE 53/udp 53/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
  CMD ["/opt/dotproxy/bin/python", "/opt/dotproxy/healthy.py"]
ENTRYPOINT ["/opt/dotproxy/bin/twistd", "--nodaemon", "--pidfile=", "dotproxy"]
CMD ["--config", "/etc/dotproxy/dotproxy.toml"]
