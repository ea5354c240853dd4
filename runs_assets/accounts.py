"""The accounts that are read. Another one is another line here; its settings' prefix is its name in capitals."""

from runs_assets.sources.cloudcruise.source import cloudcruise
from runs_assets.sources.productsup.source import productsup

SOURCES = (
    cloudcruise("cloudcruise", settings_prefix="CLOUDCRUISE_"),
    productsup("productsup", settings_prefix="PRODUCTSUP_CDE_"),
)
