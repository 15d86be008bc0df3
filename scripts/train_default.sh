#!/usr/bin/env bash
# Trains the weights that ship: scripts/train_default.sh STILLS VGG16.safetensors RUNS CLIPS
# STILLS holds one folder per source; VGG16.safetensors holds torchvision's IMAGENET1K_FEATURES.
# CLIPS holds short colour films. Four runs, in folders of RUNS: two for default, from small crops to
# larger ones, mini, its student, and the gate of the smoother. Run it again to go on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
stills=$1 vgg=$2 runs=$3 clips=$4
scripts/venv
learn() {
    .venv/bin/vidcolor train --stills "$stills" "$@" \
        --source-weight flickr8k=1.5 --source-weight people=1.5 --source-weight interiors=2 \
        --source-weight street_camera=1.5 --source-weight imagenette=0.5 \
        --source-weight cats_dogs=0.5 --source-weight flowers=0.5
}
learn --out "$runs/first" --vgg "$vgg" --minutes 95 --sides 128 192
learn --out "$runs/default" --start "$(ls "$runs"/first/net-*.safetensors)" --minutes 97 \
    --sides 128 192 --learning-rate 5e-4 --ema 0.998 --seed 11
learn --out "$runs/mini" --preset mini --teacher "$(ls "$runs"/default/net-*.safetensors)" \
    --steps 1500 --sides 128 192 --learning-rate 1.5e-3 --ema 0.995 --seed 21
.venv/bin/vidcolor train --preset gate --clips "$clips" --stills "$stills" --out "$runs/gate" \
    --teacher "$(ls "$runs"/default/net-*.safetensors)" --minutes 13
ls "$runs"/gate/best-*.safetensors "$runs"/default/net-*.safetensors "$runs"/mini/net-*.safetensors
