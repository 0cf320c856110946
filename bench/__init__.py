# SPDX-License-Identifier: Apache-2.0
"""The benchmark: what Proxenos costs beside bare Linux and Xen, by instruction counts."""
