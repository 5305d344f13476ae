"""Who sends the traffic: applications, and the numbers and names they send from."""

from dataclasses import dataclass

from streams.stack.traffic_places import Place

SHORT_CODE = "24365"


@dataclass(frozen=True, slots=True)
class Application:
    """One of the sender's applications at the provider.

    Attributes:
        application_id: UUID.
        share: Of all messages, in percent.
        senders_us: What it sends from to the United States.
        senders_ca: The same for Canada.
        senders_abroad: The same for everywhere else.
        tags: What it marks its messages with; an empty one is sent as such.
        mms: Share of its messages that are MMS where there is MMS.
        reports_sent: The switch for message-sent is on.
        channel: ``message.channel`` is given, as in multi-channel sends.
        priority: ``message.priority``, if it sets one.
    """

    application_id: str
    share: float
    senders_us: tuple[str, ...]
    senders_ca: tuple[str, ...]
    senders_abroad: tuple[str, ...]
    tags: tuple[str, ...]
    mms: float = 0.0
    reports_sent: bool = False
    channel: bool = False
    priority: str | None = None

    def senders(self, place: Place) -> tuple[str, ...]:
        """Return what it sends from to a place."""
        by_country = {"US": self.senders_us, "CA": self.senders_ca}
        return by_country.get(place.country, self.senders_abroad)


APPLICATIONS = (
    Application(  # orders
        application_id="5f0b5ae8-7a3c-4f6e-9c57-1d2a0f3f9d11",
        share=38,
        senders_us=("+19195550142", "+13035550177"),
        senders_ca=("+14165550119",),
        senders_abroad=("+447700900214", "+19195550142"),
        tags=("order-confirmed", "order-shipped", "order-delivered"),
        mms=0.05,
    ),
    Application(  # login codes
        application_id="c2a94c0e-51d7-4b0f-8a44-6b8de5f0a7c3",
        share=30,
        senders_us=(SHORT_CODE,),
        senders_ca=("+18445550163",),
        senders_abroad=("Lumen Shop",),
        tags=("login",),
        reports_sent=True,
        priority="high",
    ),
    Application(  # reminders
        application_id="0d6c2f7b-3f0a-4c7d-b1a5-92e4c86d5b20",
        share=20,
        senders_us=("+18445550163", "+18885550128"),
        senders_ca=("+18885550128",),
        senders_abroad=("+447700900571", "Lumen Care"),
        tags=("reminder-24h", "reminder-2h", ""),
        channel=True,
    ),
    Application(  # campaigns
        application_id="e8b7d1a4-9e62-4d1c-a0f3-47c1b5920e6f",
        share=12,
        senders_us=("+12065550190", "+15125550135"),
        senders_ca=("+16045550108",),
        senders_abroad=("Lumen Shop",),
        tags=("spring-sale", "loyalty"),
        mms=0.45,
    ),
)

# The numbers that people can answer to.
ANSWERED = ("+19195550142", "+18445550163", "+14165550119", SHORT_CODE)
