"""Files of history into the topic callbacks.

Read on in ``sources`` (which files, how packed), ``formats`` (what is in them),
``gathering`` (what is sent, in which records), ``sending`` (into Kafka), ``run``.
"""
