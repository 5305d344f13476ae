"""Embedded Kafka, the whole stack in one command, realistic traffic.

Read in this order: ``up`` (what is started and ended), ``supervise`` and ``child``
(how a process is kept alive), ``kafka``, ``jars`` and ``java`` (the embedded broker),
``strays`` and ``watchdog`` (nothing outlives ``up``), ``run_file`` and ``ports``;
then ``demo``, ``post``, ``examples`` and ``traffic``, which says how to read on.
"""
