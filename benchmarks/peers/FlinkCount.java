import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** Runs the count by minute, type, error code and first digits in Flink SQL, on a cluster here. */
public final class FlinkCount {
    // A time is up to some minutes behind one that was seen before it.
    private static final String SOURCE =
            """
            CREATE TABLE callbacks (
                `time` TIMESTAMP_LTZ(3),
                `type` STRING,
                `to` STRING,
                errorCode INT,
                WATERMARK FOR `time` AS `time` - INTERVAL '15' MINUTE
            ) WITH (
                'connector' = 'kafka',
                'topic' = '%s',
                'properties.bootstrap.servers' = '%s',
                'scan.startup.mode' = 'earliest-offset',
                'scan.bounded.mode' = 'latest-offset',
                'format' = 'json',
                'json.timestamp-format.standard' = 'ISO-8601'
            )
            """;
    private static final String COUNT =
            """
            SELECT
                DATE_FORMAT(window_start, 'yyyy-MM-dd''T''HH:mm') AS `minute`,
                `type`,
                errorCode,
                SUBSTRING(`to`, 1, 5) AS `number`,
                COUNT(*) AS callbacks
            FROM TABLE(TUMBLE(TABLE callbacks, DESCRIPTOR(`time`), INTERVAL '1' MINUTE))
            GROUP BY window_start, window_end, `type`, errorCode, SUBSTRING(`to`, 1, 5)
            """;

    public static void main(final String[] arguments) throws Exception {
        final Path cells = Path.of(arguments[2]);
        final Configuration settings = new Configuration();
        settings.setString("parallelism.default", "2");
        settings.setString("pipeline.object-reuse", "true");
        settings.setString("table.local-time-zone", "UTC");
        settings.setString("execution.checkpointing.interval", "5 s");
        settings.setString(
                "execution.checkpointing.dir", cells.resolveSibling("checkpoints").toUri().toString());
        settings.setString("rest.address", "127.0.0.1");
        settings.setString("rest.bind-address", "127.0.0.1");
        settings.setString("rest.bind-port", "0");
        final TableEnvironment tables =
                TableEnvironment.create(
                        EnvironmentSettings.newInstance()
                                .inStreamingMode()
                                .withConfiguration(settings)
                                .build());
        tables.executeSql(SOURCE.formatted(arguments[3], arguments[0]));
        final TableResult result = tables.executeSql(COUNT);
        while (result.getJobClient().orElseThrow().getJobStatus().get() == JobStatus.CREATED) {
            Thread.sleep(10);
        }
        System.out.println("ready");
        final List<Row> rows = new ArrayList<>();
        try (CloseableIterator<Row> found = result.collect()) {
            found.forEachRemaining(rows::add);
        }
        System.out.println("done");
        System.in.read();
        final StringBuilder text = new StringBuilder();
        for (final Row row : rows) {
            for (int field = 0; field < row.getArity(); field++) {
                final Object value = row.getField(field);
                text.append(field == 0 ? "" : "\t").append(value == null ? "" : value);
            }
            text.append('\n');
        }
        Files.write(cells, text.toString().getBytes(UTF_8));
    }
}
