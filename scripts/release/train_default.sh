#!/usr/bin/env bash
# Trains the weights that ship: scripts/release/train_default.sh STILLS VGG16.safetensors RUNS CLIPS
# STILLS holds one folder per source; VGG16.safetensors holds torchvision's IMAGENET1K_FEATURES.
# CLIPS holds short color films. The runs lie in folders of RUNS: two on CPU cores that bring the film
# net and a mini to where the GPU went on, and the gate of the smoother, which learned from the second;
# then default and mini on a GPU, for as long as an H200 took. Run it again to go on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/../.."
stills=$1 vgg=$2 runs=$3 clips=$4
scripts/venv
learn() {
    .venv/bin/vidcolor train --stills "$stills" "$@" \
        --source-weight flickr8k=1.5 --source-weight people=1.5 --source-weight interiors=2 \
        --source-weight street_camera=1.5 --source-weight imagenette=0.5 \
        --source-weight cats_dogs=0.5 --source-weight flowers=0.5
}
net() { ls "$runs/$1"/net-*.safetensors; }
learn --out "$runs/first" --vgg "$vgg" --minutes 95 --sides 128 192
learn --out "$runs/second" --start "$(net first)" --minutes 97 \
    --sides 128 192 --learning-rate 5e-4 --ema 0.998 --seed 11
learn --out "$runs/small" --preset mini --teacher "$(net second)" \
    --steps 1500 --sides 128 192 --learning-rate 1.5e-3 --ema 0.995 --seed 21
.venv/bin/vidcolor train --preset gate --clips "$clips" --stills "$stills" --out "$runs/gate" \
    --teacher "$(net second)" --minutes 13
learn --out "$runs/default" --start "$(net second)" --device cuda --batch 128 --thawed 3 \
    --minutes 6.2 --sides 160 224 256 --learning-rate 1e-3 --seed 31
learn --out "$runs/mini" --preset mini --start "$(net small)" --teacher "$(net default)" \
    --device cuda --batch 128 --views 1 --minutes 1.25 --sides 192 256 --learning-rate 1.5e-3 \
    --ema 0.998 --seed 41
.venv/bin/python scripts/release/set_dial.py "$(net default)" "$runs/default.safetensors" \
    --temperature 0.8 --gain 1.45
.venv/bin/python scripts/release/set_dial.py "$(net mini)" "$runs/mini.safetensors" \
    --temperature 0.65 --gain 2.15
ls "$runs"/gate/best-*.safetensors "$runs"/default-*.safetensors "$runs"/mini-*.safetensors
