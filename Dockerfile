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
# The place of the socket that the dotproxy command asks.
RUN mkdir -m 0700 /socket

# Nothing is run here, and nothing later but Python: a base without a shell will do.
FROM ${LAST}
COPY --from=build /opt/dotproxy /opt/dotproxy
COPY --from=build --chown=65532:65532 /socket /run/dotproxy
COPY deploy/container/dotproxy.toml /etc/dotproxy/dotproxy.toml
# A volume can be written where the file system cannot.
VOLUME /run/dotproxy
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
# Plain DNS; and what the configuration may have it serve besides: DNS over TLS, DNS over
# HTTPS or the gateway, metrics.
EXPOSE 53/udp 53/tcp 853/tcp 443/tcp 9153/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
  CMD ["/opt/dotproxy/bin/dotproxy", "status", "--quiet"]
ENTRYPOINT ["/opt/dotproxy/bin/twistd", "--nodaemon", "--pidfile=", "dotproxy", "--log-format", "json"]
CMD ["--config", "/etc/dotproxy/dotproxy.toml"]
