"""The recorded scenarios: what the phones and the carrier do, and what a call log must then say."""

from tests.realpbx.scenarios import calls, exchange, forwarding, outbound, queues, services, transfers
from tests.realpbx.scene import Play

ALL: dict[str, Play] = {
    **forwarding.ALL,
    **services.ALL,
    **outbound.ALL,
    **exchange.ALL,
    **calls.ALL,
    **transfers.ALL,
    **queues.ALL,
}
