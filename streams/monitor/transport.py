"""Faust's aiokafka transport, beginning some minutes back instead of where it ended.

Relied on, checked by a test against the pinned version: Faust calls
``Consumer.perform_seek`` once after each assignment, before it lets records flow.
"""

from faust.transport.drivers import aiokafka as driver


class TailConsumer(driver.Consumer):
    """A consumer that begins where the application says, never where it ended."""

    async def perform_seek(self) -> None:
        """Begin at the tails of the partitions."""
        begins = await self.app.begins()  # type: ignore[attr-defined]
        for tp in self.assignment():
            self._read_offset[tp] = None
            await self.seek(tp, begins[tp.partition])


class TailTransport(driver.Transport):
    """Faust's aiokafka transport with that consumer."""

    Consumer = TailConsumer
