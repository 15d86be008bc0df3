#!/usr/bin/env bash
# Trains the default weights: scripts/train_default.sh STILLS VGG16.safetensors RUN [MINUTES]
# STILLS holds one folder per source; VGG16.safetensors holds torchvision's IMAGENET1K_FEATURES.
# Run it again to go on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/venv
exec .venv/bin/vidcolor train --stills "$1" --vgg "$2" --out "$3" --minutes "${4:-95}" \
    --sides 128 192 --batch 32 \
    --source-weight flickr8k=1.5 --source-weight people=1.5 --source-weight interiors=2 \
    --source-weight street_camera=1.5 --source-weight imagenette=0.5 \
    --source-weight cats_dogs=0.5 --source-weight flowers=0.5
