"""Write a small file of places, in MaxMind's format."""

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

SEOUL = {
    "city": {"names": {"en": "Seoul", "ko": "서울"}},
    "country": {"iso_code": "KR", "names": {"en": "South Korea", "ko": "대한민국"}},
}
GERMANY = {"country": {"iso_code": "DE", "names": {"en": "Germany"}}}


def write(path: Path, *, kind: str = "GeoLite2-City", first: object = SEOUL) -> Path:
    """Write a file: `first` is at 192.0.2.0/24, Germany at 2001:db8::/32."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind)
    writer.insert_network(IPSet(["192.0.2.0/24"]), first)
    writer.insert_network(IPSet(["2001:db8::/32"]), GERMANY)
    writer.to_db_file(str(path))
    return path
