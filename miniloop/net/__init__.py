"""What is outside the loop: descriptors, signals, and in time the whole network.

``readiness.py``  callbacks for descriptors that can be read or written
``wakeup.py``     waking a loop that waits, from a thread or a signal handler
``signals.py``    callbacks for signals
"""
