"""What `finerouter serve` adds to calling a model directly, and how much of it one core serves.

    python -m benchmarks.gateway
    python -m benchmarks.gateway --litellm-python OTHER_VENV/bin/python

Everything runs on this machine: a dummy upstream and the load client share one core, what is
measured has another. Every figure is compared within the run.
"""
