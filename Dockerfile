# vidcolor with Ray: one image for the head, the workers and the driver of a cluster.
#
#     docker build -t vidcolor --build-arg TORCH_INDEX=... .        on CPUs
#     docker build -t vidcolor:cuda --build-arg VARIANT=cuda .      on NVIDIA GPUs
#     docker run --rm -v "$PWD:/films" -w /films vidcolor vidcolor film.mp4 out.mp4
#
# The user is 1000; a folder that it writes into must let it (or: docker run --user "$(id -u):$(id -g)").
# A tag may move: give its digest, as `docker buildx imagetools inspect python:3.11-slim-bookworm` tells
# it, by --build-arg PYTHON=python:3.11-slim-bookworm@sha256:... where images must be the same.
ARG PYTHON=python:3.11-slim-bookworm
ARG VARIANT=cpu

FROM ${PYTHON} AS wheel
WORKDIR /build
COPY LICENSE README.md hatch_build.py pyproject.toml ./
COPY models models
COPY scripts/manual scripts/manual
COPY vidcolor vidcolor
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM ${PYTHON} AS system
# wget: KubeRay asks through it whether Ray is well.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home --shell /bin/bash vidcolor
COPY pyproject.toml scripts/constraints.txt /opt/vidcolor/
# Logs come line by line; Ray sends no usage statistics.
ENV PYTHONUNBUFFERED=1 \
    RAY_USAGE_STATS_ENABLED=0

FROM system AS torch-cpu
# The usual index has CUDA's wheels, which run on CPUs but are gigabytes larger: name PyTorch's index
# of CPU wheels by --build-arg TORCH_INDEX=... for an image of 2 GB.
ARG TORCH_INDEX=
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} \
    -c /opt/vidcolor/constraints.txt torch torchvision

FROM system AS torch-cuda
# A slim Python and no nvidia/cuda image: torch's wheels bring the CUDA libraries they were built with
# (13.0 for 2.14.1), a second set would only lie beside them. The driver is the host's, 580 or newer; for
# an older one name an index of older wheels, such as --build-arg TORCH_INDEX=.../whl/cu126.
ARG TORCH_INDEX=
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} \
    -c /opt/vidcolor/constraints.txt torch torchvision
# "video" is for the encoders of the GPU.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video

FROM torch-${VARIANT}
# A layer of its own for what vidcolor needs, so that a new vidcolor is a new layer of its weights' size.
# ray[default] has the web server that KubeRay's probes and jobs talk to.
RUN python3 -c "import tomllib; \
project = tomllib.load(open('/opt/vidcolor/pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['cluster'], sep='\n')" \
        >/tmp/needed.txt \
    && pip install --no-cache-dir -c /opt/vidcolor/constraints.txt -r /tmp/needed.txt "ray[default]" \
    && rm /tmp/needed.txt
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps /wheels/*.whl
# A number, so that Kubernetes can see that it is not root.
USER 1000
WORKDIR /home/vidcolor
# No entry point: KubeRay and docker run give whole commands.
CMD ["vidcolor", "--help"]
