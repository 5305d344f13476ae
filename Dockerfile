# The program in an image, run by a user of its own. A tag keeps getting security fixes
# under the same name; where a build must be the same for ever, add the digest to it:
# python:3.11.14-slim-bookworm@sha256:...
FROM python:3.11.14-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/undelivered
ENV PATH=/opt/undelivered/bin:$PATH

# The packages first: this layer is made again only when the lock changes.
COPY requirements.lock ./
RUN pip install --no-deps --require-hashes --only-binary :all: \
    --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY streams ./streams
COPY sql ./sql
COPY notebooks ./notebooks
RUN pip install --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm

RUN groupadd --gid 10001 undelivered \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data undelivered \
    && install --directory --owner undelivered --group undelivered --mode 0750 /data
COPY --from=build /opt/undelivered /opt/undelivered
ENV PATH=/opt/undelivered/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    UNDELIVERED_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8780
ENTRYPOINT ["undelivered"]
CMD ["--help"]
