"""A Productsup CDE row, from the vendor's page "List runs"."""

import msgspec
from msgspec import UNSET, field

from runs_assets.normalizing.row_shape import NeverStored, Number, RowShape, Text

MAX_PAGE_SIZE = 10_000


class ProductsupRow(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, rename="kebab", gc=False):
    """A run as the platform lists it. A field that is a column of `runs` has the column's name here."""

    run_id: str = field(name="id")
    pipeline_id: Text = field(name="connector-id", default=UNSET)
    pipeline_version: Text = field(name="connector-version", default=UNSET)
    raw_status: Text = field(name="state", default=UNSET)
    process_id: Text = UNSET
    site_id: Number = UNSET
    site_name: Text = UNSET
    project_id: Number = UNSET
    project_name: Text = UNSET
    workspace_id: Number = field(name="account-id", default=UNSET)
    workspace_name: Text = field(name="account-name", default=UNSET)
    exit_code: Number = UNSET
    container_api_docker_image: Text = UNSET
    container_api_version_constraint: Text = UNSET
    cli_command: NeverStored = UNSET
    registered_secrets: NeverStored = UNSET
    authentications: NeverStored = UNSET
    connector_setup_config: NeverStored = UNSET
    started_at: Text = UNSET
    finished_at: Text = UNSET
    created_at: str


SHAPE = RowShape(ProductsupRow, id_field="id", created_field="created-at")
