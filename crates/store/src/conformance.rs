//! What every implementation of the contract must show.
