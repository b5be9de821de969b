//! A row of a tensor belongs to a team of 32 units, which reduce it together.
//!
//! Where the device runs exactly 32 units in step (a CUDA warp), they exchange values directly; elsewhere through
//! shared memory. Both add in an order that never changes.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::{features::Plane, prelude::*};

use super::launch::{UNITS, cubes};

/// Units of a team.
pub const TEAM: u32 = 32;
/// Rows of a cube.
pub const ROWS: u32 = UNITS / TEAM;

/// Whether the units of a team run in step.
pub fn in_step<R: CubeRuntime>(x: &CubeTensor<R>) -> bool {
    let properties = x.client.properties();
    let hardware = &properties.hardware;
    properties.features.plane.contains(Plane::Ops)
        && hardware.plane_size_min == TEAM
        && hardware.plane_size_max == TEAM
}

/// Cubes for so many rows.
pub fn cubes_for_rows<R: CubeRuntime>(x: &CubeTensor<R>, rows: usize) -> (CubeCount, CubeDim) {
    cubes(x, rows.div_ceil(ROWS as usize))
}

/// The row of this unit's team; it may lie beyond the last.
#[cube]
pub fn team_row() -> u32 {
    CUBE_POS as u32 * ROWS + UNIT_POS / TEAM
}

/// This unit's place in its team.
#[cube]
pub fn lane() -> u32 {
    UNIT_POS % TEAM
}

/// Sum of a vector's elements, in their order.
#[cube]
pub fn sum_of<N: Size>(x: Vector<f32, N>) -> f32 {
    let mut sum = x[0];
    #[unroll]
    for k in 1..N::value() {
        sum += x[k];
    }
    sum
}

/// Largest of a vector's elements.
#[cube]
pub fn max_of<N: Size>(x: Vector<f32, N>) -> f32 {
    let mut largest = x[0];
    #[unroll]
    for k in 1..N::value() {
        largest = max(largest, x[k]);
    }
    largest
}

/// Sum of the team's values, for all of its units. Every unit of the cube must call it.
#[cube]
pub fn team_sum(value: f32, scratch: &mut SharedMemory<f32>, #[comptime] in_step: bool) -> f32 {
    if in_step {
        plane_sum(value)
    } else {
        scratch[UNIT_POS as usize] = value;
        sync_cube();
        #[unroll]
        for halving in 1..6u32 {
            let step = TEAM >> halving;
            if lane() < step {
                let other = scratch[(UNIT_POS + step) as usize];
                scratch[UNIT_POS as usize] += other;
            }
            sync_cube();
        }
        let total = scratch[(UNIT_POS - lane()) as usize];
        // No unit may write for the next reduction before all have read this one's result.
        sync_cube();
        total
    }
}

/// Largest of the team's values, as [`team_sum`].
#[cube]
pub fn team_max(value: f32, scratch: &mut SharedMemory<f32>, #[comptime] in_step: bool) -> f32 {
    if in_step {
        plane_max(value)
    } else {
        scratch[UNIT_POS as usize] = value;
        sync_cube();
        #[unroll]
        for halving in 1..6u32 {
            let step = TEAM >> halving;
            if lane() < step {
                let other = scratch[(UNIT_POS + step) as usize];
                scratch[UNIT_POS as usize] = max(scratch[UNIT_POS as usize], other);
            }
            sync_cube();
        }
        let largest = scratch[(UNIT_POS - lane()) as usize];
        sync_cube();
        largest
    }
}

/// Sum of the values of all units of the cube, for all of them.
#[cube]
pub fn cube_sum(value: f32, scratch: &mut SharedMemory<f32>) -> f32 {
    scratch[UNIT_POS as usize] = value;
    sync_cube();
    #[unroll]
    for halving in 1..9u32 {
        let step = UNITS >> halving;
        if UNIT_POS < step {
            let other = scratch[(UNIT_POS + step) as usize];
            scratch[UNIT_POS as usize] += other;
        }
        sync_cube();
    }
    let total = scratch[0];
    sync_cube();
    total
}
