"""How far routing on a dataset can go, as far as its development part can tell.

    python -m benchmarks.limits size labels noise
    python -m benchmarks.limits encoders --transformer FOLDER

Four analyses, each with a record of its own: training on fewer prompts, knowing every prompt's
benchmark, what of the models' differences near neighbours share, and the static encoder against
the transformer it is distilled from. All with the same folds, and intervals over prompts, paired.
The sealed part is never read.
"""
