import schemathesis, pytest
from schemathesis.config import SchemathesisConfig
from hypothesis import settings, HealthCheck
from tests.api.world import load_world
def test_mine(serve, new_database, tmp_path):
    raw_dir = tmp_path / "data" / "raw"
    from hypothesis import given
    bad = []
    with new_database() as url:
        load_world(url, raw_dir)
        with serve(url, data_dir=raw_dir.parent, api_rate=0) as api:
            schema = schemathesis.openapi.from_url(f"{api.client.base_url}/openapi.json", config=SchemathesisConfig.from_dict({"generation":{"deterministic":True,"with-security-parameters":False}}))
            for path in ["/api/vehicles","/api/vehicle-logs","/api/shipments","/api/vehicles/{vehicle_id}","/api/vehicle-logs/{log_id}","/api/shipments/{shipment_id}","/api/exports/vehicles.{format}","/api/exports/vehicle-logs.{format}","/api/exports/shipments.{format}"]:
                op = schema[path]["GET"]
                for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
                    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
                    @given(case=op.as_strategy(generation_mode=mode))
                    def t(case): case.call_and_validate()
                    try: t(); print(path, mode, "ok")
                    except Exception as e: bad.append(path); print(path, mode, str(e)[:1500], [str(x)[:1500] for x in getattr(e,"exceptions",[])])
    assert not bad
