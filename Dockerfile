# Both programs on a small Debian. Build: docker build --tag switchboard .
# Run:   docker run --publish 8080:8080 --volume switchboard:/data switchboard

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo xtask build --release

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin switchboard \
    && install --directory --owner switchboard --group switchboard --mode 0700 /data
COPY --from=build /source/target/release/switchboard /source/target/release/telephone /usr/local/bin/
USER switchboard
ENV SWITCHBOARD_LISTEN=0.0.0.0:8080 \
    SWITCHBOARD_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["switchboard", "health"]
CMD ["switchboard", "serve"]
