# Russet alone: one static program, the certificates of public authorities, and a user without
# rights. No shell, no package manager, nothing to update but Russet.
#
#   docker build -t russet .
#   docker run -p 443:443 -v /etc/russet:/etc/russet:ro -v russet:/var/lib/russet russet
#
# Docker lets everybody listen on port 443 inside; where an engine does not, `address: ":8443"`.

FROM rust:1-bookworm AS build
WORKDIR /build
COPY . .
RUN make binary PROFILE=dist && deploy/image-root target/*/dist/russet /image

FROM scratch
COPY --from=build /image/ /
COPY --from=build --chown=65532:65532 /image/var/lib/russet/ /var/lib/russet/
USER 65532:65532
VOLUME ["/var/lib/russet"]
EXPOSE 443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/russet", "health"]
ENTRYPOINT ["/russet"]
CMD ["--config", "/etc/russet/config.yaml"]
