import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import org.apache.kafka.streams.state.WindowStore;

/** Counts callbacks by minute, type, error code and first digits, in Kafka Streams' DSL. */
public final class StreamsCount {
    /** What is read of a callback; Jackson leaves out the rest. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Callback {
        public String time;
        public String type;
        public String to;
        public Integer errorCode;
    }

    /** One record of callbacks becomes one record a callback, at the callback's own time. */
    private static final class Split
            extends ContextualProcessor<byte[], byte[], String, byte[]> {
        private static final byte[] NOTHING = {};
        private final ObjectReader reader = new ObjectMapper().readerFor(Callback[].class);

        @Override
        public void process(final Record<byte[], byte[]> record) {
            try {
                for (final Callback c : reader.<Callback[]>readValue(record.value())) {
                    final String code = c.errorCode == null ? "" : c.errorCode.toString();
                    final String to = c.to.substring(0, Math.min(5, c.to.length()));
                    final long time = Instant.parse(c.time).toEpochMilli();
                    final String key = c.type + "\t" + code + "\t" + to;
                    context().forward(new Record<>(key, NOTHING, time));
                }
            } catch (final IOException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    public static void main(final String[] arguments) throws Exception {
        final String topic = arguments[3];
        final long wanted = Long.parseLong(arguments[1]);
        final Path cells = Path.of(arguments[2]);
        final Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "peers");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, cells.getParent().toString());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 << 20);
        settings.put(
                StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG,
                "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers");
        settings.put("auto.offset.reset", "earliest");

        final StreamsBuilder builder = new StreamsBuilder();
        builder.stream(topic, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(Split::new)
                .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
                // The eight partitions are read at eight paces: hours may lie between them.
                .windowedBy(
                        TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofHours(24)))
                .count(
                        Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("counts")
                                .withKeySerde(Serdes.String())
                                .withRetention(Duration.ofHours(25)));

        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings)) {
            streams.start();
            while (streams.state() != KafkaStreams.State.RUNNING) {
                Thread.sleep(10);
            }
            System.out.println("ready");
            while (write(streams, null) < wanted) {
                Thread.sleep(250);
            }
            System.out.println("done");
            System.in.read();
            write(streams, cells);
        }
    }

    private static long write(final KafkaStreams streams, final Path file) throws IOException {
        final ReadOnlyWindowStore<String, Long> counts =
                streams.store(
                        StoreQueryParameters.fromNameAndType(
                                "counts", QueryableStoreTypes.<String, Long>windowStore()));
        long total = 0;
        final StringBuilder text = new StringBuilder();
        try (KeyValueIterator<Windowed<String>, Long> all = counts.all()) {
            while (all.hasNext()) {
                final KeyValue<Windowed<String>, Long> next = all.next();
                total += next.value;
                if (file != null) {
                    final String minute =
                            Instant.ofEpochMilli(next.key.window().start()).toString();
                    text.append(minute, 0, 16).append('\t').append(next.key.key());
                    text.append('\t').append(next.value).append('\n');
                }
            }
        }
        if (file != null) {
            Files.write(file, text.toString().getBytes(UTF_8));
        }
        return total;
    }
}
