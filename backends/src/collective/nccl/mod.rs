//! NCCL, loaded at run time: how processes with an NVIDIA GPU each exchange gradients.

#[cfg(with_nccl)]
mod communicator;
#[cfg(with_nccl)]
mod device;
mod library;
#[cfg(with_nccl)]
mod over_mpi;

#[cfg(with_nccl)]
pub(super) use communicator::Nccl;
#[cfg(with_nccl)]
pub(super) use library::Library;
#[cfg(with_nccl)]
pub(super) use over_mpi::NcclOverMpi;
