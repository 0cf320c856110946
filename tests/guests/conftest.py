# SPDX-License-Identifier: Apache-2.0
"""Options of the micro guests: which hypervisor runs them."""


def pytest_addoption(parser):
    parser.addoption("--hypervisor", default="proxenos", choices=("proxenos", "xen"))
