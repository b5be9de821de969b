//! Intel's AMX: registers of 16 rows of 64 bytes, which are multiplied with one another.
//!
//! Left matrices are row-major; right ones lie in panels of 64 columns, four bytes of each column at a time, as the narrower instructions
//! read them.
#![allow(unsafe_code)]

use std::{arch::asm, cell::Cell, marker::PhantomData, sync::OnceLock};

/// Most rows of a tile, two registers.
pub const ROWS: usize = 32;
/// Columns of a panel, and of the part of it that is multiplied at once.
const PANEL: usize = 64;
const COLUMNS: usize = 32;
/// Bytes of a register's row, and of a row of a panel.
const ROW_BYTES: usize = 64;
const PANEL_BYTES: usize = PANEL * 4;
/// Rows of a register; sixteen rows of a panel meet 64 bytes of a left row.
const STEP: usize = 16;

/// `asm!` that may change every register of AMX.
macro_rules! on_registers {
    ($($assembly:tt)*) => {
        asm!(
            $($assembly)*
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        )
    };
}

/// A sum: f32 of products of bfloat16, i32 of those of unsigned bytes and signed ones.
pub trait Sum: Copy {
    /// The bit of the instruction in leaf 7 of `cpuid`, register `edx`.
    const FEATURE: u32;

    /// Adds the products of up to 32 rows, as many as the registers have been given, and 32 columns of a panel.
    ///
    /// # Safety
    /// The registers are set up with more than 16 rows, and the memory of at least one step is there.
    unsafe fn add_two(left: *const u8, stride: usize, right: *const u8, steps: usize, sums: *mut Self);

    /// The same of up to 16 rows.
    ///
    /// # Safety
    /// As for [`add_two`](Self::add_two), with 1 to 16 rows.
    unsafe fn add_one(left: *const u8, stride: usize, right: *const u8, steps: usize, sums: *mut Self);
}

/// Whether the processor has the instruction and Linux lets this process use it. Linux is asked once, and only if there is something to
/// ask for: threads that use the registers have larger states.
pub fn has<S: Sum>() -> bool {
    const REGISTERS: u32 = 1 << 24;
    static FEATURES: OnceLock<u32> = OnceLock::new();
    let features = FEATURES.get_or_init(|| {
        // SAFETY: every processor of 64 bits has the instruction. Later versions of Rust know that.
        #[allow(unused_unsafe)]
        let (last_leaf, features) = unsafe {
            use std::arch::x86_64::{__cpuid, __cpuid_count};
            (__cpuid(0).eax, __cpuid_count(7, 0).edx)
        };
        let offered = last_leaf >= 7 && features & REGISTERS != 0;
        if offered && is_permitted() { features } else { 0 }
    });
    features & S::FEATURE != 0
}

/// Asks for the registers (Linux, `Documentation/arch/x86/xstate.rst`).
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: a request with a number, which changes nothing but what the process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// This thread's registers, until it is dropped.
pub struct Registers<S> {
    /// For how many rows, and bytes of each, they are set up.
    shape: Cell<(usize, usize)>,
    sum: PhantomData<S>,
}

/// What the processor is told of its registers.
#[repr(C, align(64))]
struct Shapes {
    palette: [u8; 16],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl<S: Sum> Registers<S> {
    /// Registers that are set up when they are used.
    ///
    /// # Safety
    /// This thread has no others.
    ///
    /// # Panics
    /// If the processor lacks the instruction.
    pub unsafe fn new() -> Self {
        assert!(has::<S>(), "the processor's instruction");
        Self { shape: Cell::new((0, 0)), sum: PhantomData }
    }

    /// Adds the products of a tile's rows and (a part of) a panel to the sums.
    ///
    /// # Panics
    /// If there are more than [`ROWS`] rows or one is shorter than the panel.
    pub fn add(&self, left: Rows<'_>, panel: Panel<'_>, sums: &mut [[S; PANEL]; ROWS]) {
        let length = panel.bytes.len() / PANEL;
        if left.count == 0 || length == 0 {
            return;
        }
        let end = (left.count - 1).checked_mul(left.stride).and_then(|last| last.checked_add(length));
        assert!(left.count <= ROWS && end.is_some_and(|end| end <= left.bytes.len()), "bytes of a tile");
        let whole = length - length % ROW_BYTES;
        let (whole_panel, rest_of_panel) = panel.bytes.split_at(whole * PANEL);
        let parts = panel.columns.min(PANEL).div_ceil(COLUMNS);
        for (start, width, panel) in [(0, ROW_BYTES, whole_panel), (whole, length - whole, rest_of_panel)] {
            if panel.is_empty() {
                continue;
            }
            self.set_up(left.count, width);
            let steps = panel.len() / PANEL / width;
            let add = if left.count > STEP { S::add_two } else { S::add_one };
            for part in 0..parts {
                // SAFETY: the registers are set up for these rows and widths, and `steps` times the width is what each row and the
                // panel have from `start` on.
                unsafe {
                    let rows = left.bytes.as_ptr().add(start);
                    let right = panel.as_ptr().add(part * COLUMNS * 4);
                    let sums = sums.as_mut_ptr().cast::<S>().add(part * COLUMNS);
                    add(rows, left.stride, right, steps, sums);
                }
            }
        }
    }

    /// Gives the registers the shapes of `rows` rows, and of `width` bytes of each.
    fn set_up(&self, rows: usize, width: usize) {
        if self.shape.replace((rows, width)) == (rows, width) {
            return;
        }
        let mut shapes = Shapes { palette: [0; 16], row_bytes: [0; 16], rows: [0; 16] };
        shapes.palette[0] = 1;
        let (upper, lower) = (rows.min(STEP), rows.saturating_sub(STEP));
        let mut give = |register: usize, rows: usize, bytes: usize| {
            // Neither is above 64. A register without rows has no columns.
            shapes.rows[register] = rows as u8;
            shapes.row_bytes[register] = if rows == 0 { 0 } else { bytes as u16 };
        };
        // Sums of the upper rows and of the lower ones, then both parts of the left matrix, then the columns.
        for (register, rows) in [upper, upper, lower, lower].into_iter().enumerate() {
            give(register, rows, ROW_BYTES);
        }
        give(4, upper, width);
        give(5, lower, width);
        give(6, width / 4, ROW_BYTES);
        give(7, width / 4, ROW_BYTES);
        // SAFETY: the registers are there and permitted, and palette 1 has eight of at most 16 rows of 64 bytes.
        unsafe {
            on_registers!(
                "ldtilecfg [{}]", in(reg) &raw const shapes,
                options(readonly, preserves_flags),
            );
        }
    }
}

impl<S> Drop for Registers<S> {
    fn drop(&mut self) {
        // SAFETY: nothing uses the registers any more.
        unsafe {
            on_registers!("tilerelease", options(nomem, preserves_flags),);
        }
    }
}

/// A tile's rows of a left matrix.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// From the first row on.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Rows, at most [`ROWS`].
    pub count: usize,
}

/// A panel of a right matrix, or a part of its rows.
#[derive(Clone, Copy)]
pub struct Panel<'a> {
    /// Four bytes of each of its 64 columns at a time.
    pub bytes: &'a [u8],
    /// Columns that are wanted. More may be added up.
    pub columns: usize,
}

macro_rules! sum {
    ($sum:ty, $feature:literal, $instruction:literal) => {
        impl Sum for $sum {
            const FEATURE: u32 = 1 << $feature;

            unsafe fn add_two(
                left: *const u8,
                stride: usize,
                right: *const u8,
                steps: usize,
                sums: *mut Self,
            ) {
                // SAFETY: reads and writes what the caller has promised is there.
                unsafe {
                    on_registers!(
                        "tileloadd tmm0, [{sums} + {width}*1]",
                        "tileloadd tmm1, [{sums} + {width}*1 + 64]",
                        "tileloadd tmm2, [{lower_sums} + {width}*1]",
                        "tileloadd tmm3, [{lower_sums} + {width}*1 + 64]",
                        "2:",
                        "tileloadd tmm4, [{left} + {stride}*1]",
                        "tileloadd tmm6, [{right} + {width}*1]",
                        concat!($instruction, " tmm0, tmm4, tmm6"),
                        "tileloadd tmm7, [{right} + {width}*1 + 64]",
                        concat!($instruction, " tmm1, tmm4, tmm7"),
                        "tileloadd tmm5, [{lower} + {stride}*1]",
                        concat!($instruction, " tmm2, tmm5, tmm6"),
                        concat!($instruction, " tmm3, tmm5, tmm7"),
                        "add {left}, 64",
                        "add {lower}, 64",
                        "add {right}, 4096",
                        "dec {steps}",
                        "jnz 2b",
                        "tilestored [{sums} + {width}*1], tmm0",
                        "tilestored [{sums} + {width}*1 + 64], tmm1",
                        "tilestored [{lower_sums} + {width}*1], tmm2",
                        "tilestored [{lower_sums} + {width}*1 + 64], tmm3",
                        left = inout(reg) left => _,
                        lower = inout(reg) left.add(STEP * stride) => _,
                        right = inout(reg) right => _,
                        steps = inout(reg) steps => _,
                        sums = in(reg) sums,
                        lower_sums = in(reg) sums.add(STEP * PANEL),
                        stride = in(reg) stride,
                        width = in(reg) PANEL_BYTES,
                    );
                }
            }

            unsafe fn add_one(
                left: *const u8,
                stride: usize,
                right: *const u8,
                steps: usize,
                sums: *mut Self,
            ) {
                // SAFETY: reads and writes what the caller has promised is there.
                unsafe {
                    on_registers!(
                        "tileloadd tmm0, [{sums} + {width}*1]",
                        "tileloadd tmm1, [{sums} + {width}*1 + 64]",
                        "2:",
                        "tileloadd tmm4, [{left} + {stride}*1]",
                        "tileloadd tmm6, [{right} + {width}*1]",
                        concat!($instruction, " tmm0, tmm4, tmm6"),
                        "tileloadd tmm7, [{right} + {width}*1 + 64]",
                        concat!($instruction, " tmm1, tmm4, tmm7"),
                        "add {left}, 64",
                        "add {right}, 4096",
                        "dec {steps}",
                        "jnz 2b",
                        "tilestored [{sums} + {width}*1], tmm0",
                        "tilestored [{sums} + {width}*1 + 64], tmm1",
                        left = inout(reg) left => _,
                        right = inout(reg) right => _,
                        steps = inout(reg) steps => _,
                        sums = in(reg) sums,
                        stride = in(reg) stride,
                        width = in(reg) PANEL_BYTES,
                    );
                }
            }
        }
    };
}

sum!(f32, 22, "tdpbf16ps");
sum!(i32, 25, "tdpbusd");
