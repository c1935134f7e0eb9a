# Matterhorn in plain Debian 12. The image builds only when ./ci/test passes, and runs the main job:
#
#   docker build --tag matterhorn . && docker run --rm -it matterhorn
#   docker run --rm matterhorn ./ci/test
#
# Without a Docker engine: ci/image.
FROM debian:bookworm

WORKDIR /matterhorn

# What takes long and seldom changes comes first, in layers of its own: packages and sources, then QEMU. Its work
# tree is large and only good for changing it; the finished binary stays in the cache.
COPY ci ci
RUN ./ci/build --set-up && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY qemu-board qemu-board
COPY sim/nor sim/nor
COPY sim/rail sim/rail
RUN ./ci/build --qemu && rm -rf /root/.cache/matterhorn/qemu/tree-*

COPY . .
RUN ./ci/test

CMD ["./ci/demo"]
